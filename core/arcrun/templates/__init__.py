"""The language of templates and expressions: how it is read, compiled and rendered."""
