"""Batched NumPy environments: `catalog.catalog` lists them, `registry.make` makes one."""
