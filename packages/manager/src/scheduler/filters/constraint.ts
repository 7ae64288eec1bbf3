import { type Constraint, labelOf, nodeMatches, readConstraints } from "../../objects/constraints.ts";
import { nameOf, onNodes, type PlacementFilter, serviceNameOf } from "./filter.ts";

/** All placement constraints of the task hold for the node. */
export const constraintFilter: PlacementFilter = {
  subject: "constraints",
  checkFor: (task) => {
    const constraints = readConstraints(task.spec?.placement?.constraints);
    return constraints.length === 0 ? undefined : ({ node }) => nodeMatches(constraints, node);
  },
  explain: (nodes) => onNodes("scheduling constraints not satisfied on", nodes),
  describe: (task, info) => {
    const unmet = readConstraints(task.spec?.placement?.constraints).filter(
      (constraint) => !nodeMatches([constraint], info.node),
    );
    const texts = unmet.map(textOf);
    const labels = unmet.map(wantedLabel);
    const remove = texts.map((text) => `--constraint-rm '${text}'`).join(" ");
    return {
      reason: unmet
        .map((constraint) => {
          const label = labelOf(constraint.key, info.node);
          return `${textOf(constraint)} does not hold${label === undefined ? "" : `: the label is ${label === "" ? "not set" : `'${label}'`}`}`;
        })
        .join(", "),
      remedy: labels.every((label) => label !== undefined)
        ? `mswarm node update ${labels.map((label) => `--label-add ${label}`).join(" ")} ${nameOf(info)}`
        : `mswarm service update ${remove} ${serviceNameOf(task)}`,
    };
  },
};

const textOf = ({ key, operator, value }: Constraint): string => `${key}${operator}${value}`;

/** The label that would satisfy the constraint, as `key=value`; undefined when no label of the node can. */
function wantedLabel({ key, operator, value }: Constraint): string | undefined {
  const name = /^node\.labels\.(?<name>.+)$/i.exec(key)?.groups?.["name"];
  return name === undefined || operator === "!=" ? undefined : `${name}=${value}`;
}
