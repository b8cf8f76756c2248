"""Romanian sentences; keys as in the package's description."""

from types import MappingProxyType

SENTENCES = MappingProxyType(
    {
        "cheap_now": "Curentul este ieftin acum, așa că se acumulează căldură.",
        "cheap_later": "Curentul va fi mai ieftin mai târziu, așa că pompa de căldură mai așteaptă puțin.",
        "cheap_later.since": "De la {since} curentul va fi mai ieftin, așa că pompa de căldură mai așteaptă puțin.",
        "dear_now": "Curentul este scump acum, așa că pompa de căldură încălzește mai puțin.",
        "dear_now.until": "Curentul este scump până la {until}, așa că pompa de căldură încălzește mai puțin.",
        "dear_later": "Curentul va fi scump mai târziu, așa că se acumulează căldură acum.",
        "dear_later.since.until": "De la {since} până la {until} curentul va fi scump, așa că se "
        "acumulează căldură acum.",
        "comfort_limit": "Confortul dumneavoastră este acum pe primul loc, oricât ar costa curentul.",
        "comfort_limit.low": "Nu trebuie să se facă mai răcoare, așa că pompa de căldură încălzește în continuare.",
        "comfort_limit.high": "Este destul de cald, așa că pompa de căldură încălzește mai puțin.",
        "hot_water": "Acum se încălzește apa caldă.",
        "hot_water.by": "Acum se încălzește apa caldă, ca să fie destulă la {by}.",
        "disinfection": "Apa caldă este încălzită acum puternic, ca să rămână igienică.",
        "pause": "Pompa de căldură este în pauză, așa cum ați dorit.",
        "pause.until": "Pompa de căldură este în pauză până la {until}, așa cum ați dorit.",
        "away": "Nu este nimeni acasă, așa că poate fi puțin mai răcoare.",
        "grid_limit": "Rețeaua electrică este solicitată, așa că pompa de căldură încălzește mai puțin o vreme.",
        "quota": "Pompa de căldură a fost reglată destul de des astăzi, așa că rămâne cum este.",
        "learning": "Pompa de căldură funcționează puțin altfel o vreme, ca să vă cunoască locuința.",
        "own_programme": "Pompa de căldură își urmează propriul program.",
        "steady": "Totul este în regulă: acum nu este nimic de câștigat dintr-o schimbare.",
        "solar_surplus": "Soarele dă mai mult decât consumați, așa că se acumulează căldură.",
        "cooling.cheap_now": "Curentul este ieftin acum, așa că încăperile sunt răcite din timp.",
        "cooling.dear_now": "Curentul este scump acum, așa că pompa de căldură răcește mai puțin.",
        "cooling.dear_now.until": "Curentul este scump până la {until}, așa că pompa de căldură răcește mai puțin.",
        "cooling.dear_later": "Curentul va fi scump mai târziu, așa că încăperile sunt răcite de acum.",
        "cooling.dear_later.since.until": "De la {since} până la {until} curentul va fi scump, așa "
        "că încăperile sunt răcite de acum.",
        "cooling.comfort_limit.low": "Este destul de răcoare, așa că pompa de căldură răcește mai puțin.",
        "cooling.comfort_limit.high": "Nu trebuie să se facă mai cald, așa că pompa de căldură răcește în continuare.",
        "cooling.away": "Nu este nimeni acasă, așa că poate fi puțin mai cald.",
        "cooling.grid_limit": "Rețeaua electrică este solicitată, așa că pompa de căldură răcește mai puțin o vreme.",
        "cooling.solar_surplus": "Soarele dă mai mult decât consumați, așa că încăperile sunt răcite din timp.",
        "pool.heated": "Piscina este încălzită acum, cât timp curentul este ieftin.",
        "pool.waits": "Piscina așteaptă până când curentul este mai ieftin.",
    }
)
