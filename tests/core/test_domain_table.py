"""The table of domains comes back from JSON as it went in."""

import json

from crosstune.core.domain_table import DomainTable
from tests.support.sample_domains import domain_table


def test_what_is_written_is_read_back() -> None:
    table = domain_table()
    assert DomainTable.from_json(json.loads(json.dumps(table.to_json()))) == table
    assert [row.domain for row in table.of("test")] == ["tweets", "movies"]
    assert [row.domain for row in table.of("out-of-domain")] == ["products"]
