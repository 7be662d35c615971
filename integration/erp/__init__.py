"""The ERP as a source: sign-in, requests, queries and the rows that topics turn into documents."""
