"""What data out holds: every table by name, what a row of it is, and its columns with their units."""

from __future__ import annotations

SCHEMA_VERSION = 1

TABLES: dict[str, tuple[str, str]] = {
    "requests": (
        "a selected request",
        "source, line, id, format, knowledge, session, session_inferred, lineage, turn, role, user, project, client, "
        "task, provider, model, tier, started, ended (s since the epoch, UTC; where relative_clock, "
        "since the log's own start), naive_time, relative_clock, gap_s (since the request before it in its lineage), "
        "prompt, read, write (of it write_5m, write_1h), plain (billed tokens; where nothing was billed, prompt is the "
        "ruler's and the classes are null), output, reasoning, output_is_lower_bound, billed, basis, a column of "
        "tokens per component, policy, simulated_read, simulated_write, simulated_plain, readable (what an earlier "
        "request began with), warm_start, cause, lost, evidence, other_causes, cost (of it cost_read, cost_write, "
        "cost_plain, cost_output, cost_beside), cost_saved (by caching), cost_lost (by misses), cost_basis, "
        "cost_is_lower_bound, billing, plan, unpriced (why), not_applied, price_date_assumed, label_<name> per label, "
        "day, week, month",
    ),
    "components": (
        "a component that has tokens",
        "component, tokens, share (of all input), requests (that carry it), median (of those), growth (mean change "
        "from a turn to the next of its lineage)",
    ),
    "parts": ("a component, name and server", "component, name, server, tokens (carried), requests, distinct (texts)"),
    "tools": (
        "a tool",
        "tool, server, kind (built-in, MCP, skill), schema_tokens (largest), requests (that carry its schema), "
        "schema_carried, calls, call_carried, result_carried (its results, carried until the session ends), "
        "never_called",
    ),
    "servers": (
        "an MCP server",
        "server, tools, tools_called, schema_tokens, requests, schema_carried, calls, result_carried",
    ),
    "sessions": (
        "a session",
        "session, inferred, project, models, requests, lineages, started, ended, prompt, first_prompt, last_prompt, "
        "largest_prompt, fixed_prefix (tokens before the user's first words), read, write, plain, output, cost (null "
        "where paid in several ways: billings), cost_saved, cost_lost, unpriced_requests, lower_bounds, billings",
    ),
    "distribution": ("a measure of input tokens per request", "measure (p10…max, above_<N>), value, share"),
    "groups": (
        "a combination of the --by keys",
        "the keys, requests, sessions, prompt, read, write, plain, output, largest_prompt, cost (null where paid in "
        "several ways: billings), cost_saved, cost_lost, unpriced_requests, lower_bounds, billings",
    ),
    "caches": (
        "a cache policy",
        "policy, title, requests, read, write, plain (tokens), hit_rate (of all input tokens, or of what --hit-rate "
        "names), relative_cost (input cost over that of the same tokens uncached), basis (billed, simulated, what if, "
        "bound), hit_rate_of (tokens, or what --hit-rate named)",
    ),
    "cache_components": (
        "a component as billed or as simulated; only in the report on caches",
        "basis (billed, simulated), component, read, write, plain, tokens, hit_rate (of its tokens)",
    ),
    "bounds": (
        "a reason why input was not read from the cache, of a policy and a gap; only in the report on caches",
        "policy, gap (input → content, content → simulated, simulated → billed), word, tokens, share (of input), "
        "requests, upper, lower (tokens of both levels: the words of a gap add up to the difference)",
    ),
    "misses": (
        "a cause of misses",
        "cause, requests, sessions, lost (tokens in the cache that were not read), share (of all input), cost_lost "
        "(beyond reading them), unpriced_requests, explained, "
        "evidence (of the worst request), worst (its place), mend",
    ),
    "whatifs": (
        "a way of sending the log otherwise, replayed; only in the report on caches",
        "what_if, how, changes_behaviour (the model sees another prompt), saved (of input cost, in tokens of plain "
        "input), share (of input cost as simulated), read, write, plain (then, with pings), requests (that fare "
        "otherwise), pings, together (ways in one), unpriced_requests",
    ),
    "agreement": (
        "a policy whose simulation is compared with the bill",
        "policy, requests, exact, near (within 1 %), billed_read, simulated_read, warm_start (read from before the "
        "log), both_hit, only_simulated, only_billed, both_miss",
    ),
    "costs": (
        "a token class, by how it was paid",
        "class (output without reasoning), billing (api, seat, credits; empty: not told), tokens (the number "
        "of searches, file_searches and requests), cost, share (of what was paid so)",
    ),
    "component_costs": (
        "a component, then the output and what is paid beside tokens, by how it was paid",
        "component, cost, share (of what was paid so), cost_read, cost_write, cost_plain, read, write, plain (its "
        "tokens in the state they were priced in; null for the last two), billing",
    ),
    "tool_costs": (
        "a tool, by how it was paid",
        "tool, server, calls, cost, schema_cost (at the rates paid), call_cost, result_cost (carried until the session "
        "ends), break_cost (of caches its definition broke), breaks, cost_per_call, billing",
    ),
    "spend": (
        "a day, by how it was paid",
        "day, billing, requests, unpriced_requests, lower_bounds (requests whose output is not fully known), cost, "
        "cumulative",
    ),
    "prices": (
        "a price that was used, or a reason why there was none",
        "provider, model, billing, requests, tokens, cost, input_price, read_price, output_price (dollars per million "
        "tokens, of the smallest prompts), source, checked, mark, included (in a plan), not_applied (terms nobody "
        "knows a price of), notes, unpriced",
    ),
    "recorded": (
        "a request whose cost the log records",
        "source, line, id, session, model, recorded, computed, difference, equal (within 0.000001), explained (the "
        "rule under which ours would be the recorded one)",
    ),
    "footprint": (
        "a size of requests or sessions as KV cache on an open model in a KV format",
        "model, kv_format, of, measure, tokens, needed_bytes, allocated_bytes, fit, room, reason, basis, band",
    ),
    "reasons": (
        "a reason that a provider gave for a miss, beside the cause found here",
        "reported (as the provider named it, or hit), cause (empty: nothing missed), requests, same, lost, "
        "reported_tokens (its own estimate), worst (the request that lost the most)",
    ),
    "hidden": ("a lineage of a transcript", "session, lineage, requests, hidden (tokens), low, high (interval)"),
    "rulers": (
        "a model and client",
        "model, client, knowledge, encoding, basis, factor, error, band, fitted, requests, odd, added",
    ),
    "sources": ("a log", "source, format, bytes, records, requests, duplicates, others, skipped"),
    "others": ("a source and kind of record that is no request", "source, what, count"),
    "skipped": ("a record that could not be read", "source, line, reason"),
    "texts": (
        "a distinct text of the selected requests; only with --include-text",
        "component, name, server, role, characters, text",
    ),
}
"""The tables of an analysis: what a row is, and its columns."""

ADDED_TABLES: dict[str, tuple[str, str]] = {
    "fit": (
        "a billed request beside what is counted of it; only with --show-fit",
        "source, line, id, model, client, knowledge, basis, billed, counted, off (counted - billed), share (of the "
        "bill), why",
    ),
    "against": (
        "a day, user and model of what is logged beside what is billed; only with --against",
        "day, user, model, status, bill, logged_requests, billed_requests, logged_prompt, billed_prompt, logged_read, "
        "billed_read, logged_write, billed_write, logged_plain, billed_plain, logged_output, billed_output, "
        "logged_estimated, logged_lower_bounds, logged_unpriced, logged_cost, billed_cost, billed_gross, "
        "billed_credits",
    ),
    "path": (
        "a segment of the request that is shown, in the order of its prompt",
        "number, level, role, component, name, server, tokens (of its text), cumulative (tokens of the prompt up to "
        "and with it, the template's included, as billed), shared (the request it is compared with has it too), "
        "stripped, breakpoint, marks, place, cost (of the prompt from the row before to its end), text (only with "
        "--include-text)",
    ),
    "parting": (
        "a line of the request that is shown beside the one it is compared with",
        "change, level, before_number, before_component, before_name, before_server, before_tokens, now_number, "
        "now_component, now_name, now_server, now_tokens, alike_bytes, position, what, order, before_text and now_text "
        "(only with --include-text)",
    ),
    "excerpts": (
        "a request whose cache a text broke; only with --include-text",
        "source, line, id, cause, position, what, change, before, now",
    ),
}
"""The tables that some reports add: `show` of one request, and `turns` and `cache` with texts."""

CAPACITY_TABLES: dict[str, tuple[str, str]] = {
    "capacity": (
        "a capacity of a cache, on the curve of one memory or of replicas that divide it",
        "model, kv_format, replicas, routing, capacity_tokens, capacity_bytes, accelerators, hit_tokens, "
        "hit_rate, share_of_bound",
    ),
    "capacity_knees": (
        "a capacity with a name",
        "model, kv_format, replicas, routing, knee, capacity_tokens, capacity_bytes, accelerators, hit_tokens, "
        "hit_rate, share_of_bound",
    ),
    "lifetimes": (
        "a time to live of a cache, on the curve where every use renews it or where it counts from the write",
        "renewed_by, ttl_s, hit_tokens, hit_rate, share_of_bound",
    ),
    "lifetime_knees": (
        "a time to live with a name",
        "renewed_by, knee, ttl_s, hit_tokens, hit_rate, share_of_bound, peak_tokens, peak_bytes",
    ),
    "capacity_basis": (
        "what the curves rest on",
        "model, kv_format, basis, band, input_tokens, bound_tokens, block_tokens, block_bytes, fixed_bytes, "
        "requests, requests_with_end, timed, relative_clock",
    ),
    "prefill": (
        "a quantile of prompts, all of them, or the one of `--tokens`",
        "model, measure, tokens, cached_tokens, flop_cold, flop_cached, attention_share_cold, "
        "attention_share_cached, crossing_tokens, machine, cold_s, cached_s, kernels_cold_s, kernels_cached_s, "
        "usd_per_million_cold, usd_per_million_cached, priced, attention_bytes_standard, attention_bytes_tiled, "
        "confidence, reason",
    ),
    "tiers": (
        "a place of a cache, fastest first, then what is computed",
        "place, level, capacity_bytes, capacity_tokens, bandwidth, latency_s, hit_tokens, share, requests, "
        "load_p50_s, load_p99_s, compute_p50_s, compute_p99_s, added_p50_s, added_p99_s, break_even, faster, "
        "faster_from_tokens, hold_s, basis",
    ),
}
"""The tables of capacity, prefill and tiers, which `kv` adds."""

REPRICE_TABLES: dict[str, tuple[str, str]] = {
    "repriced": (
        "the log under other terms, by how it was paid; the first as it was run",
        "what, kind, billing, provider, model, tier, requests, unpriced_requests, unpriced, lower_bounds, read, write, "
        "plain, output, cost, cost_read, cost_write, cost_plain, cost_output, cost_beside, against, change, band, "
        "tokens_factor, basis, policy, too_long, source, assumes",
    ),
    "routes": (
        "a routing of requests to other models, by how they were paid",
        "route, billing, requests, routed, lineages, lineages_split, unpriced_requests, unpriced, cost, against, "
        "change, routed_before, routed_after, stayed_before, stayed_after, retry_rate, retry_cost, band, "
        "tokens_factor, assumes",
    ),
    "plans": (
        "a month of the log under a plan; the first by the token",
        "plan, model, title, kind, seats, seat_fee, included, pooled, usage, credits, credits_included, beyond, "
        "overage, bill, runs_out, users_out, requests, unpriced_requests, unpriced, offered, extrapolated, source, "
        "assumes",
    ),
    "plan_month": (
        "the month that the plans are of",
        "month, days, first_day, last_day, days_spanned, days_with_requests, requests, undated_requests, users, "
        "seats, extrapolated_by",
    ),
}
"""The tables of `reprice`."""
