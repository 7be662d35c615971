"""`python -m sandbox.shops.woocommerce --port P`."""

import argparse

from . import Options, serve, tracking_routes


def main() -> None:
    parser = argparse.ArgumentParser(description="Sandbox WooCommerce on the loopback address.")
    parser.add_argument("--port", type=int, default=0, help="a free one when not given")
    parser.add_argument("--latency-base-ms", type=float, default=0.0, help="per write request")
    parser.add_argument("--latency-ms-per-100-rows", type=float, default=0.0,
                        help="a real shop was measured at 5000")
    parser.add_argument("--net-prices", action="store_true",
                        help="the shop's prices are entered without tax")
    parser.add_argument("--tracking", choices=("notes", "fulfillments", *tracking_routes.PLUGINS),
                        default="notes", help="where orders keep their parcels")
    given = parser.parse_args()
    plugin = given.tracking if given.tracking in tracking_routes.PLUGINS else ""
    serve(given.port, Options(latency_base_ms=given.latency_base_ms,
                              latency_ms_per_100_rows=given.latency_ms_per_100_rows,
                              prices_include_tax=not given.net_prices,
                              fulfillments=given.tracking == "fulfillments",
                              tracking_plugin=plugin))


if __name__ == "__main__":
    main()
