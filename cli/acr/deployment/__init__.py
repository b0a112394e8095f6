"""Deploys the Workers to an account: their resources, uploads, secrets and health checks."""
