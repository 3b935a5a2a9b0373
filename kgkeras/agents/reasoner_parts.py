"""Whether the parts of a reasoner fit one another."""

from kgkeras.checks import describe


def check_parts(environment, policy, queries, shaping):
    """Raises a ValueError unless the parts of a `PathReasoner` fit; arguments as for that."""
    _check_tables(policy, environment)
    if policy.query_dim != queries.dim(policy):
        raise ValueError(
            f"`query_dim` of the policy must be the queries' {queries.dim(policy)}. "
            f"Received: {policy.query_dim}."
        )
    if shaping is not None:
        _check_shaping(shaping, queries, environment)


def _check_shaping(shaping, queries, environment):
    """Raises a ValueError unless a link predictor can say how plausible ends are."""
    if not hasattr(shaping, "score_tails"):
        raise ValueError(f"`shaping` must have `score_tails`. {describe(shaping)}.")
    if not hasattr(queries, "plausibility"):
        raise ValueError(
            "`shaping` must be None where `queries` have no relation to score ends by. "
            f"{describe(queries)}."
        )
    wanted = environment.num_entities, environment.num_relations
    found = shaping.num_entities, shaping.num_relations
    if found != wanted:
        raise ValueError(
            f"`shaping` must know the graph's {wanted[0]} entities and {wanted[1]} relations. "
            f"Received: a model of {found[0]} and {found[1]}."
        )
    if not getattr(shaping, "reciprocal", True):
        raise ValueError(
            "`shaping` is asked for inverse relations, too: it must be `reciprocal`. Received: a "
            f"{type(shaping).__name__} that is not."
        )


def _check_tables(policy, environment):
    """Raises a ValueError unless there is a vector for each relation and entity."""
    wanted = {"relations": environment.start + 1, "entities": environment.num_entities}
    for name, rows in wanted.items():
        table = getattr(policy, name)
        if table is not None and table.rows != rows:
            more = " (inverses, to stay and the start included)" if name == "relations" else ""
            raise ValueError(
                f"The policy's `{name}` must have {rows} rows{more}. Received: {table.rows}."
            )
