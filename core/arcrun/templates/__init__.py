"""The language of templates and expressions: parsing, compilation and rendering."""
