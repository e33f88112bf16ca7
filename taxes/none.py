"""A file that says that there is no tax to know in a place: silence is not a zero rate, this is (RULES 21)."""

from pydantic import Field

from taxes.table import Part, Reference


class NoTax(Part):
    """`jurisdiction` has no tax or fee of its own on these services, and `none` says why. A country without any table,
    or a region that no table names."""

    file: str
    none: str = Field(min_length=1)
    jurisdiction: str = Field(pattern=r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$")
    references: list[Reference] = Field(default_factory=list)
