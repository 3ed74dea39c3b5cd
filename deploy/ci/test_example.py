"""What a test with the fixture looks like."""
from ferula_fixture import ferula, rising  # noqa: F401

QUERY = 'sum(rate(http_requests_total{namespace="keda-demo"}[2m]))'


def test_the_query_counts_all_pods(ferula):  # noqa: F811
    for pod in ("a", "b", "c"):
        ferula.push(rising(f'http_requests_total{{namespace="keda-demo",pod="{pod}"}}', per_second=15))
    assert ferula.keda(QUERY) == 45


def test_no_data_is_zero_for_keda(ferula):  # noqa: F811
    assert ferula.keda(QUERY) == 0
