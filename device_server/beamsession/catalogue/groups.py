"""Who owns a dataset and who may read it: by the configuration, or by the catalogue's own proposal; never guessed."""

from __future__ import annotations

from beamsession.catalogue.facts import Facts
from beamsession.catalogue.problem import DatasetProblem, warning
from beamsession.catalogue.target import DatasetRules, ProposalGift
from beamsession.catalogue.template import TokenValues, filled, filled_list, missing_tokens
from beamsession.model.session import Session


def owner_group(
    session: Session, target: DatasetRules, values: TokenValues, facts: Facts | None
) -> tuple[str, list[DatasetProblem]]:
    """The group that owns the data, empty where nobody can tell, and what is to be said about it."""
    if target.takes_owner_group_from_proposal and session.proposal:
        if facts is not None and facts.proposal is not None:
            return facts.proposal.owner_group, []
        group, problems = _by_template(session, target, values)
        if facts is None:
            said = f"The owner group is that of proposal {session.proposal}, which the catalogue is not asked for now"
        else:
            said = f"The catalogue has no proposal {session.proposal} for us"
        remark = f"{said}; catalogue.owner_group gives '{group}'."
        return group, [*problems, warning(remark, field="ownerGroup", setting="catalogue.owner_group_from")]
    return _by_template(session, target, values)


def access_groups(target: DatasetRules, values: TokenValues, facts: Facts | None) -> list[str]:
    """The groups that may read, each once: the proposal's, those of the configuration, the account's own."""
    of_proposal: tuple[str, ...] = ()
    if facts is not None and facts.proposal is not None and target.takes_from_proposal(ProposalGift.ACCESS_GROUPS):
        # Who owns the proposal may read its data, also where the data belong to another group.
        of_proposal = (facts.proposal.owner_group, *facts.proposal.access_groups)
    chosen = [group for template in target.access_groups for group in filled_list(template, values)]
    return list(dict.fromkeys(group for group in (*of_proposal, *chosen, target.ingestor_group) if group))


def _by_template(session: Session, target: DatasetRules, values: TokenValues) -> tuple[str, list[DatasetProblem]]:
    group = filled(target.owner_group, values)
    if not group and not session.proposal:
        group = target.owner_group_without_proposal
    if group:
        return group, []
    missing = missing_tokens(target.owner_group, values)
    lacking = "proposal" if not session.proposal else " and ".join(missing) or "owner group"
    remedy = "Give the session a proposal, or set catalogue.owner_group_without_proposal; then ask for the ingest."
    if session.proposal:
        remedy = "Give the session what catalogue.owner_group is made of, then ask for the ingest."
    problem = DatasetProblem(
        code="NO_OWNER_GROUP",
        field="ownerGroup",
        setting="catalogue.owner_group",
        sentence=f"Session {session.id} has no {lacking}, so nobody knows which group owns it in the catalogue.",
        remedy=remedy,
    )
    return "", [problem]
