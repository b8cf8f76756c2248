"""French sentences; keys as in the package's description."""

from types import MappingProxyType

SENTENCES = MappingProxyType(
    {
        "cheap_now": "L’électricité est bon marché en ce moment, on stocke donc de la chaleur.",
        "cheap_later": "L’électricité sera moins chère plus tard, la pompe à chaleur attend donc un peu.",
        "cheap_later.since": "L’électricité sera moins chère à partir de {since}, la pompe à "
        "chaleur attend donc un peu.",
        "dear_now": "L’électricité est chère en ce moment, la pompe à chaleur chauffe donc moins.",
        "dear_now.until": "L’électricité est chère jusqu’à {until}, la pompe à chaleur chauffe donc moins.",
        "dear_later": "L’électricité sera chère plus tard, on stocke donc de la chaleur maintenant.",
        "dear_later.since.until": "L’électricité sera chère de {since} à {until}, on stocke donc de la "
        "chaleur maintenant.",
        "comfort_limit": "Votre confort passe maintenant avant le prix de l’électricité.",
        "comfort_limit.low": "Il ne doit pas faire plus frais, la pompe à chaleur continue donc de chauffer.",
        "comfort_limit.high": "Il fait assez chaud, la pompe à chaleur chauffe donc moins.",
        "hot_water": "L’eau chaude est préparée maintenant.",
        "hot_water.by": "L’eau chaude est préparée maintenant, pour qu’il y en ait assez à {by}.",
        "disinfection": "L’eau chaude est portée à haute température pour rester saine.",
        "pause": "La pompe à chaleur est en pause, comme vous le souhaitez.",
        "pause.until": "La pompe à chaleur est en pause jusqu’à {until}, comme vous le souhaitez.",
        "away": "Il n’y a personne à la maison, il peut donc faire un peu plus frais.",
        "grid_limit": "Le réseau électrique est très sollicité, la pompe à chaleur chauffe "
        "donc moins pendant un moment.",
        "quota": "La pompe à chaleur a été réglée assez souvent aujourd’hui, elle reste donc comme elle est.",
        "learning": "La pompe à chaleur fonctionne un peu autrement pendant quelque temps, "
        "pour apprendre à connaître votre logement.",
        "own_programme": "La pompe à chaleur suit son propre programme.",
        "steady": "Tout va bien : il n’y a rien à gagner à changer maintenant.",
        "solar_surplus": "Le soleil fournit plus que vous ne consommez, on stocke donc de la chaleur.",
        "cooling.cheap_now": "L’électricité est bon marché en ce moment, on refroidit donc les pièces à l’avance.",
        "cooling.dear_now": "L’électricité est chère en ce moment, la pompe à chaleur refroidit donc moins.",
        "cooling.dear_now.until": "L’électricité est chère jusqu’à {until}, la pompe à chaleur refroidit donc moins.",
        "cooling.dear_later": "L’électricité sera chère plus tard, on refroidit donc les pièces dès maintenant.",
        "cooling.dear_later.since.until": "L’électricité sera chère de {since} à {until}, on "
        "refroidit donc les pièces dès maintenant.",
        "cooling.comfort_limit.low": "Il fait assez frais, la pompe à chaleur refroidit donc moins.",
        "cooling.comfort_limit.high": "Il ne doit pas faire plus chaud, la pompe à chaleur continue donc de refroidir.",
        "cooling.away": "Il n’y a personne à la maison, il peut donc faire un peu plus chaud.",
        "cooling.grid_limit": "Le réseau électrique est très sollicité, la pompe à chaleur refroidit "
        "donc moins pendant un moment.",
        "cooling.solar_surplus": "Le soleil fournit plus que vous ne consommez, on refroidit donc "
        "les pièces à l’avance.",
        "pool.heated": "La piscine est chauffée maintenant, tant que l’électricité est bon marché.",
        "pool.waits": "La piscine attend que l’électricité soit moins chère.",
    }
)
