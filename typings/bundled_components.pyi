# Made by scripts/stage.py in the executor's upload.
from executor.library import BundledComponent

BUNDLED_COMPONENTS: dict[str, BundledComponent]
