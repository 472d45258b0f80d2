"""Who may do what: rights come from groups, first at the endpoint, then on the single document."""

from __future__ import annotations

from dataclasses import dataclass

from .site import Account, Profile, Site
from .state import Document


@dataclass(frozen=True)
class Rights:
    """The rights of one account, or of nobody."""

    site: Site
    profile: Profile
    account: Account | None

    def _member(self, groups: frozenset[str]) -> bool:
        return self.account is not None and self.account.belongs_to(groups)

    def owns(self, document: Document) -> bool:
        return self.account is not None and document.get("ownerGroup") in self.account.groups

    def _shares(self, document: Document) -> bool:
        shared = document.get("accessGroups") or []
        return self.account is not None and not set(shared).isdisjoint(self.account.groups)

    @property
    def admin(self) -> bool:
        return self._member(self.site.admin)

    @property
    def privileged(self) -> bool:
        """May create datasets for any group, with its own PIDs."""
        return self._member(self.site.create_privileged) or self.admin

    @property
    def may_use_creation(self) -> bool:
        """The right to the endpoints that create and change datasets and their blocks."""
        site = self.site
        return self.privileged or self._member(site.create) or self._member(site.create_with_pid)

    @property
    def may_delete(self) -> bool:
        return self._member(self.site.delete)

    @property
    def manages_lifecycle(self) -> bool:
        return self._member(self.site.lifecycle)

    @property
    def may_use_reading(self) -> bool:
        """Up to 4.27 a single dataset is refused to nobody-in-particular before it is looked up."""
        return self.account is not None or self.profile is not Profile.V4_27

    def may_create(self, body: Document) -> bool:
        """Whether this very dataset may be created: group and PID are looked at."""
        if self.privileged:
            return True
        if not self.owns(body):
            return False
        return self._member(self.site.create_with_pid) or (self._member(self.site.create) and body.get("pid") is None)

    def may_update(self, document: Document) -> bool:
        return self.admin or self.owns(document)

    def may_add_parts(self, dataset: Document) -> bool:
        """Through the v3 routes even those may add blocks and attachments who may not update the dataset."""
        return self.privileged or self.owns(dataset)

    def may_read(self, document: Document) -> bool:
        if self.admin or self.manages_lifecycle or document.get("isPublished"):
            return True
        return self.owns(document) or self._shares(document)

    @property
    def may_use_attachments(self) -> bool:
        """Up to 4.27 only administrators reach the v4 attachments."""
        if self.admin:
            return True
        site = self.site
        reached = self._member(site.attachment) or self._member(site.attachment_privileged)
        return reached and self.profile is not Profile.V4_27

    def may_attach(self, body: Document) -> bool:
        return self.admin or self._member(self.site.attachment_privileged) or self.owns(body)

    @property
    def may_use_proposals(self) -> bool:
        return self.admin or self._member(self.site.proposal)

    def may_read_proposal(self, document: Document) -> bool:
        return self.may_use_proposals or self.may_read(document)

    @property
    def may_use_samples(self) -> bool:
        return self.admin or self._member(self.site.sample) or self._member(self.site.sample_privileged)

    def may_create_sample(self, body: Document) -> bool:
        return self.admin or self._member(self.site.sample_privileged) or self.owns(body)
