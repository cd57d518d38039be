// Import and export: two routes beside GraphQL, which take and give whole files.

export const KINDS = {
  "account-contacts": "Customers",
  "internal-contacts": "Our people",
  "organization-contacts": "Cards",
  accounts: "Accounts",
  partners: "Partners",
};

export type Kind = keyof typeof KINDS;

export interface Report {
  created: number;
  updated: number;
  unchanged: number;
  rejected: number;
  columns?: string[];
  ignoredColumns: string[];
  rejects: { line: number; column: string; reason: string; row: string[] | string | null }[];
  errors?: { message: string }[];
}

interface ImportOptions {
  dryRun: boolean;
  onProgress: (part: number) => void;
}

/** Imports a file. What was sent is imported, since the gateway reads no further than it has come. */
export function importFile(headers: Record<string, string>, kind: Kind, file: File, options: ImportOptions) {
  return new Promise<Report>((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/import/${kind}?dryRun=${options.dryRun}&format=${formatOf(file)}`);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.onprogress = ({ loaded, total }) => options.onProgress(total ? loaded / total : 1);
    request.onerror = () => reject(new Error("The gateway does not respond."));
    request.onload = () => {
      try {
        const report = JSON.parse(request.responseText) as Report;
        if (report.errors) reject(new Error(report.errors[0]?.message));
        else resolve(report);
      } catch {
        reject(new Error(`The gateway returned status ${request.status}.`));
      }
    };
    request.send(file);
  });
}

function formatOf(file: File): string {
  if (/\.(vcf|vcard)$/i.test(file.name)) return "vcard";
  return /\.(jsonl|ndjson|json)$/i.test(file.name) ? "jsonl" : "csv";
}

/** The rejected rows of a CSV file with their reasons, for a spreadsheet. Mended, the file can be imported. */
export function rejectsOf(report: Report): Blob {
  const columns = (report.columns ?? []).filter((name) => !name.startsWith("reject_"));
  const skipped = (report.columns ?? []).length - columns.length;
  const rows = report.rejects.map(({ line, column, reason, row }) => {
    const cells = Array.isArray(row) ? row.slice(skipped) : [row ?? ""];
    return [String(line), column, reason, ...cells];
  });
  const all = [["reject_line", "reject_column", "reject_reason", ...columns], ...rows];
  const text = all.map((cells) => `${cells.map(quoted).join(",")}\r\n`).join("");
  return new Blob(["\uFEFF", text], { type: "text/csv" });
}

function quoted(cell: string): string {
  return /[",\r\n]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

/** Exports the records that a search finds. A spreadsheet takes no cell of them for a formula. */
export async function exportRecords(headers: Record<string, string>, kind: Kind, search: string): Promise<Blob> {
  const parameters = new URLSearchParams({ escapeFormulas: "true", ...(search && { search }) });
  const response = await fetch(`/export/${kind}?${parameters}`, { headers });
  if (!response.ok) throw new Error((await response.json()).errors[0].message);
  return response.blob();
}

/** Has the browser keep a file. */
export function save(file: Blob, name: string) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  // The browser may begin to read a moment later.
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
