"""Places of weather: coordinates rounded to a tenth of a degree (about 10 km), so that neighbours share a forecast."""

from __future__ import annotations

from heatfleet.domain.price_zones import zone_facts


def place_of(latitude: float, longitude: float) -> str:
    """The name of the place that holds the coordinates [degrees], such as ``48.2,16.4``."""
    return f"{round(latitude, 1) + 0.0:.1f},{round(longitude, 1) + 0.0:.1f}"


def coordinates_of(place: str) -> tuple[float, float]:
    """Latitude and longitude [degrees] of a place name."""
    latitude, longitude = place.split(",")
    return float(latitude), float(longitude)


def place_or_city(latitude: float | None, longitude: float | None, zone: str) -> str:
    """The place of the coordinates, or of the zone's main city when there are none."""
    if latitude is None or longitude is None:
        facts = zone_facts(zone)
        return place_of(facts.latitude, facts.longitude)
    return place_of(latitude, longitude)
