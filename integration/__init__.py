"""The product: queue, channels, ERP client, topics, connectors. Knows no Flask and no Celery."""
