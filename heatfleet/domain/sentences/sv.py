"""Swedish sentences; keys as in the package's description."""

from types import MappingProxyType

SENTENCES = MappingProxyType(
    {
        "cheap_now": "Elen är billig just nu, så värme lagras.",
        "cheap_later": "Elen blir billigare senare, så värmepumpen väntar lite.",
        "cheap_later.since": "Elen blir billigare från kl. {since}, så värmepumpen väntar lite.",
        "dear_now": "Elen är dyr just nu, så värmepumpen värmer mindre.",
        "dear_now.until": "Elen är dyr till kl. {until}, så värmepumpen värmer mindre.",
        "dear_later": "Elen blir dyr senare, så värme lagras nu.",
        "dear_later.since.until": "Elen blir dyr från kl. {since} till kl. {until}, så värme lagras nu.",
        "comfort_limit": "Din komfort går först nu, oavsett vad elen kostar.",
        "comfort_limit.low": "Det ska inte bli svalare, så värmepumpen fortsätter att värma.",
        "comfort_limit.high": "Det är varmt nog, så värmepumpen värmer mindre.",
        "hot_water": "Nu värms varmvattnet.",
        "hot_water.by": "Nu värms varmvattnet, så att det räcker kl. {by}.",
        "disinfection": "Varmvattnet hettas nu upp ordentligt, så att det förblir hygieniskt.",
        "pause": "Värmepumpen är pausad, som du önskat.",
        "pause.until": "Värmepumpen är pausad till kl. {until}, som du önskat.",
        "away": "Ingen är hemma, så det får vara lite svalare.",
        "grid_limit": "Elnätet är hårt belastat, så värmepumpen värmer mindre en stund.",
        "quota": "Värmepumpen har justerats tillräckligt ofta i dag, så den får vara som den är.",
        "learning": "Värmepumpen går lite annorlunda en tid, för att lära känna ditt hem.",
        "own_programme": "Värmepumpen följer sitt eget program.",
        "steady": "Allt är bra: det finns inget att vinna på en ändring nu.",
        "solar_surplus": "Solen ger mer än du använder, så värme lagras.",
        "cooling.cheap_now": "Elen är billig just nu, så rummen kyls i förväg.",
        "cooling.dear_now": "Elen är dyr just nu, så värmepumpen kyler mindre.",
        "cooling.dear_now.until": "Elen är dyr till kl. {until}, så värmepumpen kyler mindre.",
        "cooling.dear_later": "Elen blir dyr senare, så rummen kyls i förväg nu.",
        "cooling.dear_later.since.until": "Elen blir dyr från kl. {since} till kl. {until}, så "
        "rummen kyls i förväg nu.",
        "cooling.comfort_limit.low": "Det är svalt nog, så värmepumpen kyler mindre.",
        "cooling.comfort_limit.high": "Det ska inte bli varmare, så värmepumpen fortsätter att kyla.",
        "cooling.away": "Ingen är hemma, så det får vara lite varmare.",
        "cooling.grid_limit": "Elnätet är hårt belastat, så värmepumpen kyler mindre en stund.",
        "cooling.solar_surplus": "Solen ger mer än du använder, så rummen kyls i förväg.",
        "pool.heated": "Poolen värms nu, medan elen är billig.",
        "pool.waits": "Poolen väntar tills elen är billigare.",
    }
)
