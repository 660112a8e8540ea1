"""What the outside can see of a pipeline at work: metrics, health, logs, lineage. Nothing here changes what lands."""
