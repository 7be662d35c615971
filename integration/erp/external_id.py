"""Where the shop's product id stands in the ERP: an own field of the article's listing.

The ERP has no native field for it (vario-erp.md 4.6). The group is created at install; the
write-back fills it. Our own table stays primary: what stands here is for the people who work with
the ERP.
"""

# Literal keys of the group and its one attribute. Never renamed: the values of a tenant hang on
# them.
GROUP_KEY = "variorelay"
ATTRIBUTE_KEY = "externalId"

# The column of `article.shopListing` that shows it (vario-erp.md 3.8).
VQL_PATH = f"listings.custom.{GROUP_KEY}.{ATTRIBUTE_KEY}"
