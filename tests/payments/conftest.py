# SPDX-License-Identifier: Apache-2.0
"""Makes the helpers beside it importable."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "protocol"))  # the order that is charged
