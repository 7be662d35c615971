"""`python -m sandbox.shops.shopware6 --port P`."""

import argparse

from . import Options, serve


def main() -> None:
    parser = argparse.ArgumentParser(description="Sandbox Shopware 6 on the loopback address.")
    parser.add_argument("--port", type=int, default=0, help="a free one when not given")
    parser.add_argument("--latency-base-ms", type=float, default=0.0, help="per write request")
    parser.add_argument("--latency-ms-per-100-rows", type=float, default=0.0)
    parser.add_argument("--deadlock-share", type=float, default=Options.deadlock_share,
                        help="share of overlapping writes refused with a deadlock")
    parser.add_argument("--upload-limit-bytes", type=int, help="larger uploads get 413, no JSON")
    given = parser.parse_args()
    serve(given.port, Options(latency_base_ms=given.latency_base_ms,
                              latency_ms_per_100_rows=given.latency_ms_per_100_rows,
                              deadlock_share=given.deadlock_share,
                              upload_limit_bytes=given.upload_limit_bytes))


if __name__ == "__main__":
    main()
