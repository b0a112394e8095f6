"""What webhooks answer, and to whom: imported for the workflows that say so."""
