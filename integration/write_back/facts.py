"""Names of what is learnt about a tenant's ERP on the way back, and of the hold. No behaviour."""

from integration.erp.catalogue import OFFERED_FACT

#: Reason of the hold of product ids that the ERP cannot take.
NO_FIELD = "erp-external-id-field"

#: True: the ERP has the field for the product id.
FIELD_FACT = "external-id-field"
#: How the ERP merges a PATCH, see `merging`.
MERGE_FACT = "listing-merge"
#: What a listing held before the check of the merge, until the check is over.
PROBE_FACT = "listing-merge-probe"

#: What an installation makes doubtful.
OUTDATED_BY_INSTALL = (OFFERED_FACT, FIELD_FACT)
