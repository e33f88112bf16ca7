"""Products beside the sample's, for models, intervals and removals that it does not have."""

from datetime import date, timedelta

_CURRENCIES = ("USD", "CAD", "GBP", "EUR", "AUD")


_LINES = ('"1"', '"0"')
_TIERS = '[{up_to: "10", unit_price: "10.00", flat_fee: "1.00"}, {unit_price: "5.55"}]'
_VOLUMES = '[{up_to: "15", unit_price: "10.00"}, {unit_price: "5.00", flat_fee: "1.00"}]'
_SHARES = '[{up_to: "100", percent: "1", flat_fee: "2.00"}, {percent: "3"}]'
_MODELS = {
    "tiered": f"model: graduated, tiers: {_TIERS}",
    "by_volume": f"model: volume, tiers: {_VOLUMES}",
    "packaged": 'model: package, package_size: "10", package_price: "15.00", free_units: "5"',
    "share": 'model: percentage, percent: "1.5"',
    "share_by_tier": f"model: graduated_percentage, tiers: {_SHARES}",
    "bounded": 'model: standard, unit_price: "3.10", minimum: "31.00", maximum: "93.00"',
}


def catalogue(before: date) -> str:
    """Prices are the same number in every currency; one rises inside the month before the first."""
    rise = before + timedelta(days=9)

    def every(price: str) -> str:
        return "{" + ", ".join(f"{currency}: {price}" for currency in _CURRENCIES) + "}"

    models = [
        f"  {name}: {{<<: *seat, name: Seats {name}, prices: {{}}, interval_prices: {{}}, "
        f"access_lines: {_LINES['share' in name]}, pricing: {every('{' + model + '}')}}}\n"
        for name, model in _MODELS.items()
    ]
    return f"""
products:
  plain_seat: &seat
    name: Seat
    section: service_fees
    billed_from: subscriptions
    tax_class: telephony
    telecom_percent: "60"
    interstate: safe_harbour
    access_lines: "1"
    prices: {every('"17.35"')}
    interval_prices:
      P3M: {every('"49.90"')}
      P1Y: {every('"188.00"')}
  day_seat: {{<<: *seat, name: Seat by the day, day_count: half_open}}
  kept_seat: {{<<: *seat, name: Seat that is kept, removal: none, telecom_percent: "0", interstate: none}}
  rising_seat:
    <<: *seat
    name: Seat that became dearer
    interstate: all
    prices: {every(f'{{2020-01-01: "10.00", {rise}: "15.00"}}')}
  thirty:
    <<: *seat
    name: Plan of thirty days
    price_interval: P30D
    prices: {every('"30.00"')}
    interval_prices: {{P6M: {every('"165.00"')}}}
  kept_device: &device
    name: Box that is kept
    section: rentals
    billed_from: devices
    removal: none
    tax_class: equipment_rental
    telecom_percent: "0"
    interstate: none
    prices: {every('"8.05"')}
  day_device: {{<<: *device, name: Box by the day, removal: credit, day_count: half_open}}
{"".join(models)}"""
