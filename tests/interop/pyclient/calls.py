"""Makes the calls of prometheus-api-client: calls.py URL METHOD TIME, and prints what it gave as JSON."""
import datetime
import json
import sys

from prometheus_api_client import PrometheusApiClientException, PrometheusConnect


def main(url, method, at):
    client = PrometheusConnect(url=url, method=method)
    now = datetime.datetime.fromtimestamp(int(at))
    ago = now - datetime.timedelta(minutes=4)
    app = {"pod": "a"}
    out = {
        "connection": client.check_prometheus_connection(),
        "all_metrics": client.all_metrics(),
        "label_names": client.get_label_names(),
        "label_names of one": client.get_label_names({"match[]": "other"}),
        "label_values": client.get_label_values("pod"),
        "series": client.get_series(ago, now, {"match[]": "demo_requests_total"}),
        "current": client.get_current_metric_value("demo_requests_total", app, {"time": at}),
        "range data": client.get_metric_range_data("demo_requests_total", app, ago, now),
        "range data in parts": client.get_metric_range_data(
            "demo_requests_total", app, ago, now, datetime.timedelta(minutes=1)),
        "custom_query": client.custom_query("sum(demo_requests_total)", {"time": at}),
        "custom_query_range": client.custom_query_range("max(demo_requests_total)", ago, now, "60"),
        "metadata": client.get_metric_metadata("demo_requests_total"),
        "targets": client.get_targets(),
        "scrape_pools": client.get_scrape_pools(),
    }
    try:
        client.custom_query("sum(")
    except PrometheusApiClientException as error:
        out["error"] = str(error)
    json.dump(out, sys.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
