"""Italian sentences; keys as in the package's description."""

from types import MappingProxyType

SENTENCES = MappingProxyType(
    {
        "cheap_now": "Ora l’elettricità costa poco, quindi si accumula calore.",
        "cheap_later": "Più tardi l’elettricità costerà meno, quindi la pompa di calore aspetta un po’.",
        "cheap_later.since": "Dalle {since} l’elettricità costerà meno, quindi la pompa di calore aspetta un po’.",
        "dear_now": "Ora l’elettricità è cara, quindi la pompa di calore scalda meno.",
        "dear_now.until": "L’elettricità è cara fino alle {until}, quindi la pompa di calore scalda meno.",
        "dear_later": "Più tardi l’elettricità sarà cara, quindi si accumula calore adesso.",
        "dear_later.since.until": "Dalle {since} alle {until} l’elettricità sarà cara, quindi si "
        "accumula calore adesso.",
        "comfort_limit": "Ora il Suo comfort viene prima del prezzo dell’elettricità.",
        "comfort_limit.low": "Non deve fare più fresco, quindi la pompa di calore continua a scaldare.",
        "comfort_limit.high": "Fa abbastanza caldo, quindi la pompa di calore scalda meno.",
        "hot_water": "Ora si prepara l’acqua calda.",
        "hot_water.by": "Ora si prepara l’acqua calda, così ce n’è abbastanza alle {by}.",
        "disinfection": "L’acqua calda viene portata ad alta temperatura, così resta igienica.",
        "pause": "La pompa di calore è in pausa, come desidera.",
        "pause.until": "La pompa di calore è in pausa fino alle {until}, come desidera.",
        "away": "Non c’è nessuno in casa, quindi può fare un po’ più fresco.",
        "grid_limit": "La rete elettrica è molto carica, quindi per un po’ la pompa di calore scalda meno.",
        "quota": "Oggi la pompa di calore è stata regolata abbastanza spesso, quindi resta com’è.",
        "learning": "Per un po’ la pompa di calore funziona in modo un po’ diverso, per conoscere la Sua casa.",
        "own_programme": "La pompa di calore segue il proprio programma.",
        "steady": "Va tutto bene: ora non c’è nulla da guadagnare cambiando.",
        "solar_surplus": "Il sole dà più di quanto consuma, quindi si accumula calore.",
        "cooling.cheap_now": "Ora l’elettricità costa poco, quindi si raffrescano le stanze in anticipo.",
        "cooling.dear_now": "Ora l’elettricità è cara, quindi la pompa di calore raffresca meno.",
        "cooling.dear_now.until": "L’elettricità è cara fino alle {until}, quindi la pompa di calore raffresca meno.",
        "cooling.dear_later": "Più tardi l’elettricità sarà cara, quindi si raffrescano le stanze adesso.",
        "cooling.dear_later.since.until": "Dalle {since} alle {until} l’elettricità sarà cara, "
        "quindi si raffrescano le stanze adesso.",
        "cooling.comfort_limit.low": "Fa abbastanza fresco, quindi la pompa di calore raffresca meno.",
        "cooling.comfort_limit.high": "Non deve fare più caldo, quindi la pompa di calore continua a raffrescare.",
        "cooling.away": "Non c’è nessuno in casa, quindi può fare un po’ più caldo.",
        "cooling.grid_limit": "La rete elettrica è molto carica, quindi per un po’ la pompa di calore raffresca meno.",
        "cooling.solar_surplus": "Il sole dà più di quanto consuma, quindi si raffrescano le stanze in anticipo.",
        "pool.heated": "Ora si scalda la piscina, finché l’elettricità costa poco.",
        "pool.waits": "La piscina aspetta che l’elettricità costi meno.",
    }
)
