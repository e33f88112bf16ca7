"""Two lists that should be empty: what is active and not charged, and what is charged and not there (RULES 28).

In SQL over the feeds as they stand, apart from the code that charges, which knows nothing of it.
"""

from typing import Any

from flows.catalog.load import Tables
from flows.home.settings import Settings
from flows.home.store import Store
from schemas.periods import month_start

_INVENTORY = """
    resources as (
        select 'device' as kind, device_id as id, account_id, product_code, extension, active_from as first_day,
            active_to as last_day, 1 as quantity, null as cancelled, true as monthly, null as pending,
            false as confirmed
        from current_devices
        union all select 'number', number, account_id, product_code, extension, active_from, active_to, 1, null, true,
            null, false
        from current_numbers
        union all select 'subscription', subscription_id, account_id, product_code, null,
            greatest(start_date, confirmed_on), end_date, quantity, cancel_requested_on,
            coalesce(billing_interval, 'P1M') = 'P1M', pending, confirmed_on is not null from current_subscriptions),
    known as (
        select *, lead(first_day) over (partition by kind, id order by first_day) as next_day from resources)"""

_ACTIVE = f"""
    with {_INVENTORY},
    owners as (
        select account_id, arg_max(billing_start_date, (file_seq, source_line)) as starts,
            arg_max(end_date, (file_seq, source_line)) as ends from feed_accounts group by account_id),
    asked as (
        select distinct account_id from run_accounts a join run_states r using (run_id)
        where r.invoice_month = $month and r.state in ('drafted', 'approved')
            and outcome in ('billed', 'nothing_to_bill')),
    charged as (
        select distinct c.account_id, c.resource_kind, c.resource_id, c.product_code
        from charges c join documents_in_force d on d.run_id = c.run_id and d.draft_id = c.draft_id
        where c.cycle_start <= $first and c.cycle_end > $first and c.charge_type in ('recurring', 'proration'))
    select k.account_id, k.kind as resource_kind, k.id as resource_id, k.product_code, k.first_day
    from known k join asked using (account_id) join owners o using (account_id)
    where list_contains($billed, k.kind || 's ' || k.product_code) and k.quantity > 0 and k.cancelled is null
        and not (list_contains($stopping, k.product_code) and exists (select 1 from current_suspensions s
            where s.account_id = k.account_id and s.valid_from <= $first
                and (s.valid_to is null or s.valid_to >= $first)))
        -- What waits for a confirmation is not billed before.
        and (k.confirmed or not (coalesce(k.pending, false) or list_contains($awaiting, k.product_code)))
        and k.first_day <= $first and (k.next_day is null or k.next_day > $first)
        and (k.last_day is null or k.last_day >= $first) and o.starts <= $first and (o.ends is null or o.ends >= $first)
        -- A longer cycle that began before the cutover was billed by the earlier system.
        and (k.monthly or k.first_day >= $cutover)
        and not exists (select 1 from charged c where c.account_id = k.account_id and c.product_code = k.product_code
            and c.resource_kind = k.kind and c.resource_id in (k.id, 'ext:' || k.extension))
        and not exists (select 1 from feed_billed_until u join known s on s.account_id = u.account_id
            and (u.resource_id in (s.id, 'ext:' || s.extension) or '+' || u.resource_id = s.id)
            where u.account_id = k.account_id and u.billed_until >= $first
                and (s.id = k.id or s.extension = k.extension and s.product_code = k.product_code))
    order by all"""

_CHARGED = f"""
    with {_INVENTORY}
    select c.account_id, c.resource_kind, c.resource_id, c.product_code, c.part_start as first_day
    from charges c join documents_in_force d on d.run_id = c.run_id and d.draft_id = c.draft_id
    where d.invoice_month = $month and c.charge_type = 'recurring' and c.quantity > 0
        and not exists (select 1 from known k where k.account_id = c.account_id and k.product_code = c.product_code
            and k.kind = c.resource_kind and c.resource_id in (k.id, 'ext:' || k.extension) and k.first_day < c.part_end
            -- What is paid to the end of a month or a term goes on after its last day.
            and (k.last_day is null or k.last_day >= c.part_start or c.resource_kind = 'subscription'
                or list_contains($kept, k.product_code)
                or exists (select 1 from feed_accounts a where a.account_id = k.account_id and a.end_date is not null)))
    order by all"""


def resource_gaps(
    store: Store, settings: Settings, tables: Tables, month: str
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Active resources of billed accounts without a charge, and charges without a resource. Inside publish.in_force."""
    products = tables.catalog.products
    first = month_start(month)
    values = {
        "month": month,
        "first": first,
        "cutover": month_start(settings.billing.first_invoice_month),
        "stopping": [code for code, product in products.items() if product.when_suspended == "stop"],
        "awaiting": [code for code, product in products.items() if product.awaits_confirmation],
        "billed": [f"{product.billed_from} {code}" for code, product in products.items()],
    }
    active = store.sql(_ACTIVE, values).to_dicts()
    kept = [code for code, product in products.items() if product.removal == "none"]
    return active, store.sql(_CHARGED, {"month": month, "kept": kept}).to_dicts()
