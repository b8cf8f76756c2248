"""German sentences; keys as in the package's description."""

from types import MappingProxyType

SENTENCES = MappingProxyType(
    {
        "cheap_now": "Strom ist gerade günstig, deshalb wird Wärme gespeichert.",
        "cheap_later": "Strom wird später günstiger, deshalb wartet die Wärmepumpe noch etwas.",
        "cheap_later.since": "Ab {since} wird Strom günstiger, deshalb wartet die Wärmepumpe noch etwas.",
        "dear_now": "Strom ist gerade teuer, deshalb heizt die Wärmepumpe weniger.",
        "dear_now.until": "Strom ist bis {until} teuer, deshalb heizt die Wärmepumpe weniger.",
        "dear_later": "Strom wird später teuer, deshalb wird jetzt Wärme gespeichert.",
        "dear_later.since.until": "Von {since} bis {until} wird Strom teuer, deshalb wird jetzt Wärme gespeichert.",
        "comfort_limit": "Ihr Wohlbefinden geht jetzt vor, egal was Strom kostet.",
        "comfort_limit.low": "Kühler soll es nicht werden, deshalb heizt die Wärmepumpe weiter.",
        "comfort_limit.high": "Es ist warm genug, deshalb heizt die Wärmepumpe weniger.",
        "hot_water": "Jetzt wird Warmwasser bereitet.",
        "hot_water.by": "Jetzt wird Warmwasser bereitet, damit um {by} genug da ist.",
        "disinfection": "Das Warmwasser wird jetzt gründlich erhitzt, damit es hygienisch bleibt.",
        "pause": "Die Wärmepumpe macht Pause, wie Sie es wünschen.",
        "pause.until": "Die Wärmepumpe macht bis {until} Pause, wie Sie es wünschen.",
        "away": "Niemand ist zu Hause, deshalb darf es etwas kühler sein.",
        "grid_limit": "Das Stromnetz ist ausgelastet, deshalb heizt die Wärmepumpe eine Weile weniger.",
        "quota": "Die Wärmepumpe wurde heute schon oft genug verstellt, deshalb bleibt sie, wie sie ist.",
        "learning": "Die Wärmepumpe läuft eine Weile etwas anders, um Ihr Zuhause kennenzulernen.",
        "own_programme": "Die Wärmepumpe folgt ihrem eigenen Programm.",
        "steady": "Alles gut: Eine Änderung bringt gerade nichts.",
        "solar_surplus": "Die Sonne liefert mehr, als Sie verbrauchen, deshalb wird Wärme gespeichert.",
        "cooling.cheap_now": "Strom ist gerade günstig, deshalb werden die Räume vorgekühlt.",
        "cooling.dear_now": "Strom ist gerade teuer, deshalb kühlt die Wärmepumpe weniger.",
        "cooling.dear_now.until": "Strom ist bis {until} teuer, deshalb kühlt die Wärmepumpe weniger.",
        "cooling.dear_later": "Strom wird später teuer, deshalb werden die Räume jetzt vorgekühlt.",
        "cooling.dear_later.since.until": "Von {since} bis {until} wird Strom teuer, deshalb werden "
        "die Räume jetzt vorgekühlt.",
        "cooling.comfort_limit.low": "Es ist kühl genug, deshalb kühlt die Wärmepumpe weniger.",
        "cooling.comfort_limit.high": "Wärmer soll es nicht werden, deshalb kühlt die Wärmepumpe weiter.",
        "cooling.away": "Niemand ist zu Hause, deshalb darf es etwas wärmer sein.",
        "cooling.grid_limit": "Das Stromnetz ist ausgelastet, deshalb kühlt die Wärmepumpe eine Weile weniger.",
        "cooling.solar_surplus": "Die Sonne liefert mehr, als Sie verbrauchen, deshalb werden die Räume vorgekühlt.",
        "pool.heated": "Das Schwimmbad wird jetzt geheizt, solange Strom günstig ist.",
        "pool.waits": "Das Schwimmbad wartet, bis Strom günstiger ist.",
    }
)
