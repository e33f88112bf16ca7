"""Every fault that the books must survive, by its number in the list of reliability faults, and the test that shows it.

A text in place of tests says why there is none. The list ends at 70; 56 to 65 (hostile text, mail) stand with their own
subjects.
"""

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parents[1]

INGEST, CELLS, LEDGER = "flows/test_ingest.py", "flows/test_ingest_cells.py", "flows/test_ledger.py"
KILLED, LOCK, MACHINE, EDGES = (f"faults/test_{name}.py" for name in ("killed", "lock", "machine", "edges"))
COMPLETE, APPROVAL, SAMPLE = "flows/test_completeness.py", "flows/test_approval.py", "flows/test_sample_months.py"
MONTHS, CALLS, RUNS = "scenarios/month/test_months.py", "scenarios/calls/test_calls.py", "flows/test_runs.py"

CORRECT, AGAIN, ERASE = "flows/test_correct.py", "flows/test_run_again.py", "faults/test_erase.py"

REFUSED = f"{INGEST}::test_what_cannot_be_a_whole_file_is_refused_and_leaves_nothing"

FAULTS: dict[int, str | list[str]] = {
    # input files
    1: [f"{INGEST}::test_the_same_content_under_another_name_is_recorded_and_counts_once"],
    2: [f"{INGEST}::test_the_same_content_under_another_name_is_recorded_and_counts_once"],
    3: [f"{INGEST}::test_other_content_under_a_loaded_name_waits_for_the_operator"],
    4: [f"{INGEST}::test_a_record_in_two_files_is_a_duplicate_of_the_first"],
    5: [f"{INGEST}::test_two_calls_in_the_same_second_are_two_calls"],
    6: [
        f"{INGEST}::test_variants_of_one_call_are_all_kept_with_ids_that_know_no_order",
        f"{SAMPLE}::test_usage_on_purpose_suspended_excluded_rejected_and_duplicate",
    ],
    7: [REFUSED],
    8: [f"{COMPLETE}::test_control_totals_in_records_and_seconds", f"{COMPLETE}::test_a_daily_source_without_a_day"],
    9: [REFUSED, f"{INGEST}::test_a_header_alone_is_no_records_and_says_so"],
    10: [
        f"{COMPLETE}::test_a_gap_in_the_sequence",
        f"{COMPLETE}::test_a_refused_or_rolled_back_file_is_missing",
        f"{APPROVAL}::test_what_stops_the_approval_is_let_through_with_a_reason",
    ],
    11: [REFUSED, f"{INGEST}::test_bom_and_line_ends_do_not_matter"],
    12: [REFUSED],
    13: [f"{INGEST}::test_column_order_and_extra_columns_do_not_matter_and_text_is_kept", REFUSED],
    14: [f"{EDGES}::test_leading_zeros_stay_and_numbers_are_plain_in_the_spreadsheet"],
    15: [f"{CELLS}::test_a_bad_cell_says_what_is_expected", f"{CALLS}::test_check"],
    16: [
        f"{CELLS}::test_a_bad_cell_says_what_is_expected",
        f"{EDGES}::test_the_rate_of_the_second_in_which_a_call_starts_prices_all_of_it",
    ],
    17: [
        "flows/test_replay.py::test_a_replay_says_what_the_next_run_then_bills",
        f"{SAMPLE}::test_usage_on_purpose_suspended_excluded_rejected_and_duplicate",
        f"{MONTHS}::test_month",
    ],
    18: [
        "flows/test_ingest_master.py::test_what_a_snapshot_lacks_is_reported_and_never_ended",
        f"{MONTHS}::test_month",
    ],
    19: [
        f"{INGEST}::test_a_file_that_grows_while_it_is_read_is_refused",
        f"{MACHINE}::test_a_file_that_goes_while_it_is_read_is_refused",
        f"{INGEST}::test_a_link_out_of_the_home_is_not_read",
        f"{INGEST}::test_bad_lines_are_rejected_one_by_one_with_their_place",
    ],
    20: [REFUSED, f"{INGEST}::test_a_gzip_bomb_is_refused_before_it_is_unpacked"],
    # rating and catalogue
    21: [f"{SAMPLE}::test_usage_on_purpose_suspended_excluded_rejected_and_duplicate"],
    22: [
        "unit/test_call_rate.py::test_a_deck_whose_rows_overlap_is_no_deck",
        "flows/test_deck_import.py::test_duplicates_name_both_lines_and_gaps_are_found",
    ],
    23: [f"{EDGES}::test_a_deck_in_any_order_gives_the_same_amounts_by_the_longest_prefix"],
    24: [
        f"{EDGES}::test_a_deck_in_any_order_gives_the_same_amounts_by_the_longest_prefix",
        "properties/test_real_deck.py::test_every_prefix_and_its_neighbours_in_two_versions",
    ],
    25: [f"{EDGES}::test_the_rate_of_the_second_in_which_a_call_starts_prices_all_of_it"],
    26: [
        f"{EDGES}::test_the_rate_of_the_second_in_which_a_call_starts_prices_all_of_it",
        "unit/test_periods.py::test_one_month_ends_where_the_next_begins",
    ],
    27: [f"{CELLS}::test_a_local_time_that_the_clocks_show_twice_or_skip_is_never_guessed", f"{CALLS}::test_check"],
    28: ["unit/test_periods.py::test_the_same_instant_is_in_different_months_of_different_zones"],
    29: [f"{MONTHS}::test_month", "unit/test_money.py::test_the_parts_of_a_month_add_up_to_the_month"],
    30: ["unit/test_periods.py::test_the_anchor_keeps_the_31st_from_drifting"],
    31: [f"{MONTHS}::test_month"],
    32: ["properties/test_real_deck.py::test_a_million_calls_of_one_second_sum_exactly"],
    33: [
        "unit/test_money.py::test_a_third_that_a_decimal_would_tip_over_stays_below_the_tie",
        "unit/test_call_rate.py::test_a_rate_whose_amounts_would_not_fit_is_refused",
        f"{CELLS}::test_a_bad_cell_says_what_is_expected",
    ],
    34: [f"{SAMPLE}::test_split_and_shuffled_files_make_the_same_bytes"],
    35: [f"{MONTHS}::test_month", "unit/test_money.py::test_each_line_has_the_decimals_of_its_currency"],
    36: [f"{CALLS}::test_an_allowance_covers_the_beginning_and_the_rest_stays_in_its_step", f"{MONTHS}::test_month"],
    37: ["scenarios/test_tax_scenarios.py::test_scenario", "unit/test_taxes_apply.py::test_tax_on"],
    38: ["unit/test_taxes_tables.py::test_a_quarter_has_its_own_value_or_none"],
    # run control and crash
    39: [
        f"{KILLED}::test_a_run_killed_at_every_point",
        f"{KILLED}::test_a_run_by_prefect_killed_alone_takes_its_server_with_it",
        f"{KILLED}::test_an_approval_killed_at_every_point",
        f"{KILLED}::test_written_mails_killed_at_every_point",
        f"{KILLED}::test_a_rollback_killed_at_every_point",
    ],
    40: [
        f"{KILLED}::test_a_mail_in_flight_is_not_sent_twice",
        "flows/test_deliver.py::test_a_mail_cut_off_by_a_kill_is_unknown",
    ],
    41: [
        f"{MACHINE}::test_a_full_disk_stops_the_run_which_then_goes_on",
        f"{MACHINE}::test_a_memory_limit_too_small_to_bill_is_refused",
    ],
    42: [f"{LOCK}::test_a_second_act_is_refused_and_told_who_is_at_work"],
    43: [f"{LOCK}::test_a_lock_of_another_machine_is_taken_over_on_request_alone"],
    44: [f"{LOCK}::test_whoever_holds_the_database_open_is_named"],
    45: [
        f"{MACHINE}::test_a_damaged_database_bills_nothing_and_says_so",
        f"{MACHINE}::test_a_log_lost_after_a_kill_is_work_done_again_and_a_damaged_one_is_told",
    ],
    46: [f"{SAMPLE}::test_a_draft_of_the_same_inputs_is_not_made_twice_and_its_runner_may_not_approve"],
    47: [
        f"{AGAIN}::test_one_more_file_of_calls",
        f"{AGAIN}::test_another_account_that_is_gone_and_one_that_is_new",
        f"{APPROVAL}::test_what_moved_since_the_run_is_named_and_voids_the_approval",
        f"{RUNS}::test_a_run_for_some_says_whose_drafts_it_replaced",
    ],
    48: [f"{RUNS}::test_a_call_of_an_issued_month_is_billed_late_and_one_without_a_rate_is_kept"],
    49: [
        f"{CORRECT}::test_a_month_below_zero_is_a_credit_note_and_never_more_than_was_billed",
        f"{CORRECT}::test_an_adjustment_below_zero_is_a_credit_note_of_what_differs",
        f"{CORRECT}::test_the_reversal_has_the_taxes_of_the_original_and_its_date",
    ],
    50: [
        f"{CORRECT}::test_a_correction_is_corrected",
        f"{CORRECT}::test_an_adjustment_is_adjusted",
        f"{CORRECT}::test_nothing_differs_and_a_second_correction_finds_nothing",
        f"{CORRECT}::test_a_month_below_zero_is_a_credit_note_and_never_more_than_was_billed",
    ],
    51: [f"{LEDGER}::test_a_breach_of_what_is_issued_is_named", f"{KILLED}::test_an_approval_killed_at_every_point"],
    52: [
        "flows/test_deliver.py::test_outside_the_window_nothing_goes_without_a_reason",
        "flows/test_deliver.py::test_each_sellers_own_date_opens_its_window",
    ],
    53: [
        f"{APPROVAL}::test_what_moved_since_the_run_is_named_and_voids_the_approval",
        f"{APPROVAL}::test_who_prepared_a_run_does_not_approve_it_unless_allowed",
    ],
    54: [
        f"{APPROVAL}::test_what_moved_since_the_run_is_named_and_voids_the_approval",
        f"{APPROVAL}::test_a_tax_table_that_changed_is_named",
    ],
    55: [f"{MACHINE}::test_another_program_version_voids_the_approval_and_another_schema_is_refused"],
    # output and operation
    66: [
        f"{ERASE}::test_the_numbers_are_nowhere_but_in_the_operators_own_files",
        f"{ERASE}::test_the_books_hold_and_the_next_month_bills_as_if_nothing_had_happened",
        f"{ERASE}::test_what_would_need_the_detail_is_refused_and_says_what_to_do",
        f"{ERASE}::test_killed_anywhere_and_asked_again_it_ends_the_same",
    ],
    67: [
        f"{MACHINE}::test_files_are_nobody_elses_whatever_the_umask",
        f"{KILLED}::test_a_run_killed_at_every_point",
    ],
    68: [
        "faults/test_parking.py::test_a_failure_of_some_accounts_leaves_the_others_billed",
        "faults/test_parking.py::test_a_document_that_cannot_be_printed_takes_no_number",
    ],
    69: [
        "flows/test_sanity.py::test_a_document_far_from_its_accounts_history",
        "flows/test_sanity.py::test_a_total_and_a_number_of_documents_far_from_last_months",
        f"{APPROVAL}::test_what_stops_the_approval_is_let_through_with_a_reason",
    ],
    70: [f"{MACHINE}::test_a_dry_run_leaves_no_trace"],
}


def test_every_fault_of_the_list_has_its_place() -> None:
    assert set(FAULTS) == {*range(1, 56), *range(66, 71)}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_shows_it_exists(fault: int) -> None:
    shown = FAULTS[fault]
    if isinstance(shown, str):
        assert len(shown) > 20, "a reason is a sentence"
        return
    for node in shown:
        file, _, test = node.partition("::")
        text = (HERE / file).read_text(encoding="utf-8")
        assert re.search(rf"^(async )?def {test}\(", text, re.MULTILINE), node
