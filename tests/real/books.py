# SPDX-License-Identifier: Apache-2.0
"""A day as the archive has it and as the simulator's ledger has it, and changes that call for every commit."""


def archived(archive, day, type_):
    rows = archive.transactions(day=day, type=type_).select(["id", "status", "amount"]).to_pylist()
    return sorted((row["id"], row["status"], row["amount"]) for row in rows)


def ledger(simulator, day, type_):
    rows = simulator.world.ledger(day=day, type=type_)
    return sorted((row["id"], row["status"], row["amount"]) for row in rows)


def change_some(simulator, rng, day, type_):
    """New versions, a late settlement and a new transaction, so that every kind of commit is due."""
    rows = simulator.world.ledger(day=day, type=type_)
    for row in rng.sample([row for row in rows if row["status"] == "success"], 5):
        simulator.world.mutate(row["id"], fee=rng.randrange(10**6))
    late = [row for row in rows if row["status"] in ("expired", "pending")]
    if late:
        simulator.world.settle(rng.choice(late)["id"])
    simulator.world.insert(type=type_, created_at=f"{day}T12:00:00+07:00", paid_at=f"{day}T12:05:00+07:00")
