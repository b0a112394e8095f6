# Made by scripts/stage.py in a Worker's upload.
from arcrun.wasm.component import BundledComponent

BUNDLED_COMPONENTS: dict[str, BundledComponent]
