"""Polish sentences; keys as in the package's description."""

from types import MappingProxyType

SENTENCES = MappingProxyType(
    {
        "cheap_now": "Prąd jest teraz tani, więc gromadzimy ciepło.",
        "cheap_later": "Prąd będzie później tańszy, więc pompa ciepła jeszcze chwilę czeka.",
        "cheap_later.since": "Od {since} prąd będzie tańszy, więc pompa ciepła jeszcze chwilę czeka.",
        "dear_now": "Prąd jest teraz drogi, więc pompa ciepła grzeje mniej.",
        "dear_now.until": "Prąd jest drogi do {until}, więc pompa ciepła grzeje mniej.",
        "dear_later": "Prąd będzie później drogi, więc teraz gromadzimy ciepło.",
        "dear_later.since.until": "Od {since} do {until} prąd będzie drogi, więc teraz gromadzimy ciepło.",
        "comfort_limit": "Teraz najważniejszy jest Państwa komfort, niezależnie od ceny prądu.",
        "comfort_limit.low": "Nie powinno być chłodniej, więc pompa ciepła grzeje dalej.",
        "comfort_limit.high": "Jest wystarczająco ciepło, więc pompa ciepła grzeje mniej.",
        "hot_water": "Teraz podgrzewana jest ciepła woda.",
        "hot_water.by": "Teraz podgrzewana jest ciepła woda, aby wystarczyło jej na {by}.",
        "disinfection": "Ciepła woda jest teraz mocno podgrzewana, aby pozostała higieniczna.",
        "pause": "Pompa ciepła jest wstrzymana, zgodnie z Państwa życzeniem.",
        "pause.until": "Pompa ciepła jest wstrzymana do {until}, zgodnie z Państwa życzeniem.",
        "away": "Nikogo nie ma w domu, więc może być trochę chłodniej.",
        "grid_limit": "Sieć energetyczna jest obciążona, więc pompa ciepła przez chwilę grzeje mniej.",
        "quota": "Pompa ciepła była dziś regulowana wystarczająco często, więc pozostaje bez zmian.",
        "learning": "Pompa ciepła przez pewien czas działa trochę inaczej, aby poznać Państwa dom.",
        "own_programme": "Pompa ciepła działa według własnego programu.",
        "steady": "Wszystko w porządku: zmiana nic by teraz nie dała.",
        "solar_surplus": "Słońce daje więcej, niż Państwo zużywają, więc gromadzimy ciepło.",
        "cooling.cheap_now": "Prąd jest teraz tani, więc chłodzimy pomieszczenia na zapas.",
        "cooling.dear_now": "Prąd jest teraz drogi, więc pompa ciepła chłodzi mniej.",
        "cooling.dear_now.until": "Prąd jest drogi do {until}, więc pompa ciepła chłodzi mniej.",
        "cooling.dear_later": "Prąd będzie później drogi, więc teraz chłodzimy pomieszczenia na zapas.",
        "cooling.dear_later.since.until": "Od {since} do {until} prąd będzie drogi, więc teraz "
        "chłodzimy pomieszczenia na zapas.",
        "cooling.comfort_limit.low": "Jest wystarczająco chłodno, więc pompa ciepła chłodzi mniej.",
        "cooling.comfort_limit.high": "Nie powinno być cieplej, więc pompa ciepła chłodzi dalej.",
        "cooling.away": "Nikogo nie ma w domu, więc może być trochę cieplej.",
        "cooling.grid_limit": "Sieć energetyczna jest obciążona, więc pompa ciepła przez chwilę chłodzi mniej.",
        "cooling.solar_surplus": "Słońce daje więcej, niż Państwo zużywają, więc chłodzimy pomieszczenia na zapas.",
        "pool.heated": "Basen jest teraz podgrzewany, dopóki prąd jest tani.",
        "pool.waits": "Basen czeka, aż prąd będzie tańszy.",
    }
)
