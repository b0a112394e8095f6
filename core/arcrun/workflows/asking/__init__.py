"""Nodes that ask a language model: their keys, prompts and tools."""
