"""A seeded simulation of buyer journeys, written as native payloads of every source, with its truth beside it."""

from pipelines.simulate.generate import Made, Plan, generate_workspace

__all__ = ["Made", "Plan", "generate_workspace"]
