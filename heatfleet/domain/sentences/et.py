"""Estonian sentences; keys as in the package's description."""

from types import MappingProxyType

SENTENCES = MappingProxyType(
    {
        "cheap_now": "Elekter on praegu odav, seega salvestatakse soojust.",
        "cheap_later": "Elekter läheb hiljem odavamaks, seega soojuspump ootab veidi.",
        "cheap_later.since": "Alates kella {since} on elekter odavam, seega soojuspump ootab veidi.",
        "dear_now": "Elekter on praegu kallis, seega kütab soojuspump vähem.",
        "dear_now.until": "Elekter on kuni kella {until} kallis, seega kütab soojuspump vähem.",
        "dear_later": "Elekter läheb hiljem kalliks, seega salvestatakse soojust praegu.",
        "dear_later.since.until": "Elekter on kella {since} kuni {until} kallis, seega salvestatakse soojust praegu.",
        "comfort_limit": "Praegu on teie mugavus tähtsam kui elektri hind.",
        "comfort_limit.low": "Jahedamaks ei tohiks minna, seega kütab soojuspump edasi.",
        "comfort_limit.high": "On piisavalt soe, seega kütab soojuspump vähem.",
        "hot_water": "Praegu soojendatakse tarbevett.",
        "hot_water.by": "Praegu soojendatakse tarbevett, et seda jätkuks kella {by} ajal.",
        "disinfection": "Tarbevesi kuumutatakse praegu põhjalikult, et see püsiks puhas.",
        "pause": "Soojuspump on teie soovil pausil.",
        "pause.until": "Soojuspump on teie soovil kuni kella {until} pausil.",
        "away": "Kedagi pole kodus, seega võib olla veidi jahedam.",
        "grid_limit": "Elektrivõrk on koormatud, seega kütab soojuspump mõnda aega vähem.",
        "quota": "Soojuspumpa on täna juba piisavalt sageli reguleeritud, seega jääb see nii.",
        "learning": "Soojuspump töötab mõnda aega veidi teisiti, et teie kodu tundma õppida.",
        "own_programme": "Soojuspump järgib oma programmi.",
        "steady": "Kõik on hästi: praegu pole muutusest midagi võita.",
        "solar_surplus": "Päike annab rohkem, kui te tarbite, seega salvestatakse soojust.",
        "cooling.cheap_now": "Elekter on praegu odav, seega jahutatakse ruume ette.",
        "cooling.dear_now": "Elekter on praegu kallis, seega jahutab soojuspump vähem.",
        "cooling.dear_now.until": "Elekter on kuni kella {until} kallis, seega jahutab soojuspump vähem.",
        "cooling.dear_later": "Elekter läheb hiljem kalliks, seega jahutatakse ruume praegu ette.",
        "cooling.dear_later.since.until": "Elekter on kella {since} kuni {until} kallis, seega "
        "jahutatakse ruume praegu ette.",
        "cooling.comfort_limit.low": "On piisavalt jahe, seega jahutab soojuspump vähem.",
        "cooling.comfort_limit.high": "Soojemaks ei tohiks minna, seega jahutab soojuspump edasi.",
        "cooling.away": "Kedagi pole kodus, seega võib olla veidi soojem.",
        "cooling.grid_limit": "Elektrivõrk on koormatud, seega jahutab soojuspump mõnda aega vähem.",
        "cooling.solar_surplus": "Päike annab rohkem, kui te tarbite, seega jahutatakse ruume ette.",
        "pool.heated": "Basseini soojendatakse praegu, kuni elekter on odav.",
        "pool.waits": "Bassein ootab, kuni elekter on odavam.",
    }
)
