"""Install, self-check and uninstall of the app for one tenant (vario-erp.md 9)."""
