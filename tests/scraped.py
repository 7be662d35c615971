"""What a scrape of /metrics says, for tests."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families


class Scraped:
    """The samples of one answer."""

    def __init__(self, text: str) -> None:
        self.samples = [
            sample for family in text_string_to_metric_families(text) for sample in family.samples
        ]

    def __call__(self, name: str, **labels: str) -> float:
        """The sum of the series of this name that have these labels; 0 for none."""
        return sum(self.series(name, **labels).values())

    def series(self, name: str, **labels: str) -> dict[tuple[tuple[str, str], ...], float]:
        """The values of the series of this name that have these labels."""
        return {
            tuple(sorted(one.labels.items())): one.value
            for one in self.samples
            if one.name == name and labels.items() <= one.labels.items()
        }
