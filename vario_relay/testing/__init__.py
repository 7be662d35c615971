"""The conformance kit: what a connector does when all is well, and when its shop is not.

    pip install 'vario-relay[testing]'
    pytest --pyargs vario_relay.testing --relay-connector NAME --relay-param key=value ...

NAME is an installed platform, or ``module:PLATFORM``. The shop may be a sandbox or a real one with
few products; what the kit makes has numbers that begin with RELAY-KIT-. docs/connectors.md shows
it from the first line of a connector to its green report. `examine` does the same without pytest.
"""

from vario_relay.testing.cases import CASES, Case
from vario_relay.testing.given import Remove, Target
from vario_relay.testing.running import examine
from vario_relay.testing.verdicts import Report, Row, Verdict

__all__ = ["CASES", "Case", "Remove", "Report", "Row", "Target", "Verdict", "examine"]
