"""Secrets: how one is stored, how a component gets it, and how it is kept out of everything else."""
