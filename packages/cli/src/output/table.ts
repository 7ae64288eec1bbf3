// Tables in docker's layout. Source: docker/cli formatter, text/tabwriter with minimum width 10 and padding 3.

const widthMin = 10;
const padding = 3;

/** Rows as text; each column but the last is as wide as its longest cell plus three, at least ten. */
export function formatTable(rows: readonly (readonly string[])[]): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(widthMin, ...rows.map((row) => displayWidth(row[column] ?? "") + padding)),
  );
  return rows
    .map((row) => {
      const cells = row.map((cell, column) =>
        column === columns - 1 ? cell : cell + " ".repeat((widths[column] ?? 0) - displayWidth(cell)),
      );
      return `${cells.join("")}\n`;
    })
    .join("");
}

/** Characters, not UTF-16 units. */
const displayWidth = (text: string): number => [...text].length;
