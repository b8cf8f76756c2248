"""Hungarian sentences; keys as in the package's description."""

from types import MappingProxyType

SENTENCES = MappingProxyType(
    {
        "cheap_now": "Az áram most olcsó, ezért hőt tárolunk.",
        "cheap_later": "Az áram később olcsóbb lesz, ezért a hőszivattyú vár egy kicsit.",
        "cheap_later.since": "Az áram {since} után olcsóbb lesz, ezért a hőszivattyú vár egy kicsit.",
        "dear_now": "Az áram most drága, ezért a hőszivattyú kevesebbet fűt.",
        "dear_now.until": "Az áram {until}-ig drága, ezért a hőszivattyú kevesebbet fűt.",
        "dear_later": "Az áram később drága lesz, ezért most hőt tárolunk.",
        "dear_later.since.until": "Az áram {since} és {until} között drága lesz, ezért most hőt tárolunk.",
        "comfort_limit": "Most az Ön kényelme az első, bármennyibe kerül is az áram.",
        "comfort_limit.low": "Ne legyen hűvösebb, ezért a hőszivattyú tovább fűt.",
        "comfort_limit.high": "Elég meleg van, ezért a hőszivattyú kevesebbet fűt.",
        "hot_water": "Most készül a meleg víz.",
        "hot_water.by": "Most készül a meleg víz, hogy {by} körül is legyen elég.",
        "disinfection": "A meleg vizet most alaposan felmelegítjük, hogy higiénikus maradjon.",
        "pause": "A hőszivattyú szünetel, ahogy Ön kérte.",
        "pause.until": "A hőszivattyú {until}-ig szünetel, ahogy Ön kérte.",
        "away": "Senki sincs otthon, ezért lehet egy kicsit hűvösebb.",
        "grid_limit": "Az elektromos hálózat leterhelt, ezért a hőszivattyú egy ideig kevesebbet fűt.",
        "quota": "A hőszivattyút ma már elégszer állítottuk, ezért most így marad.",
        "learning": "A hőszivattyú egy ideig kicsit másképp működik, hogy megismerje az otthonát.",
        "own_programme": "A hőszivattyú a saját programját követi.",
        "steady": "Minden rendben: most nem érdemes változtatni.",
        "solar_surplus": "A nap többet ad, mint amennyit felhasznál, ezért hőt tárolunk.",
        "cooling.cheap_now": "Az áram most olcsó, ezért előre hűtjük a szobákat.",
        "cooling.dear_now": "Az áram most drága, ezért a hőszivattyú kevesebbet hűt.",
        "cooling.dear_now.until": "Az áram {until}-ig drága, ezért a hőszivattyú kevesebbet hűt.",
        "cooling.dear_later": "Az áram később drága lesz, ezért most előre hűtjük a szobákat.",
        "cooling.dear_later.since.until": "Az áram {since} és {until} között drága lesz, ezért most "
        "előre hűtjük a szobákat.",
        "cooling.comfort_limit.low": "Elég hűvös van, ezért a hőszivattyú kevesebbet hűt.",
        "cooling.comfort_limit.high": "Ne legyen melegebb, ezért a hőszivattyú tovább hűt.",
        "cooling.away": "Senki sincs otthon, ezért lehet egy kicsit melegebb.",
        "cooling.grid_limit": "Az elektromos hálózat leterhelt, ezért a hőszivattyú egy ideig kevesebbet hűt.",
        "cooling.solar_surplus": "A nap többet ad, mint amennyit felhasznál, ezért előre hűtjük a szobákat.",
        "pool.heated": "Most fűtjük a medencét, amíg olcsó az áram.",
        "pool.waits": "A medence megvárja, amíg olcsóbb lesz az áram.",
    }
)
