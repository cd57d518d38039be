// Imports a file: first a trial that writes nothing, then the import with its progress, then what was rejected.

import { useApolloClient } from "@apollo/client/react";
import { useContext, useState } from "react";
import { Heading } from "./Heading";
import { Headers } from "./headers";
import { ContactList } from "./operations";
import { Problem } from "./Problem";
import { importFile, KINDS, rejectsOf, save, type Kind, type Report } from "./transfer";

/** How many rejects are listed; the file for download has all. */
const LISTED = 10;

type State =
  | { step: "choose" }
  | { step: "running"; dryRun: boolean; part: number }
  | { step: "preview"; report: Report }
  | { step: "done"; report: Report };

export function Import({ onClose }: { onClose: () => void }) {
  const headers = useContext(Headers);
  const client = useApolloClient();
  const [kind, setKind] = useState<Kind>("account-contacts");
  const [file, setFile] = useState<File>();
  const [state, setState] = useState<State>({ step: "choose" });
  const [error, setError] = useState<Error>();

  const run = async (chosen: File, dryRun: boolean) => {
    setError(undefined);
    const onProgress = (part: number) => setState({ step: "running", dryRun, part });
    onProgress(0);
    try {
      const report = await importFile(headers, kind, chosen, { dryRun, onProgress });
      setState({ step: dryRun ? "preview" : "done", report });
      if (!dryRun) await client.refetchQueries({ include: [ContactList] });
    } catch (failure) {
      setError(failure as Error);
      setState({ step: "choose" });
    }
  };

  return (
    <section className="pane import" aria-label="Import">
      <Heading text="Import" onClose={onClose} />
      <div className="field">
        <label htmlFor="import-kind">Records</label>
        <select
          id="import-kind"
          value={kind}
          disabled={state.step === "running"}
          onChange={(event) => {
            setKind(event.target.value as Kind);
            setState({ step: "choose" });
          }}
        >
          {Object.entries(KINDS).map(([name, label]) => (
            <option key={name} value={name}>
              {label}
            </option>
          ))}
        </select>
      </div>
      <div className="field">
        <label htmlFor="import-file">CSV, JSON Lines or vCards</label>
        <input
          id="import-file"
          type="file"
          accept=".csv,.tsv,.jsonl,.ndjson,.json,.vcf"
          disabled={state.step === "running"}
          onChange={(event) => {
            setFile(event.target.files?.[0]);
            setState({ step: "choose" });
          }}
        />
      </div>
      {error && <Problem error={error} />}
      {state.step === "choose" && (
        <button type="button" className="primary" disabled={!file} onClick={() => file && run(file, true)}>
          Preview
        </button>
      )}
      {state.step === "running" && (
        <label className="progress">
          {state.dryRun ? "Reading …" : "Importing …"}
          <progress value={state.part} />
        </label>
      )}
      {state.step === "preview" && (
        <>
          <Summary report={state.report} />
          <button type="button" className="primary" onClick={() => file && run(file, false)}>
            Import
          </button>
        </>
      )}
      {state.step === "done" && (
        <>
          <Summary report={state.report} isDone />
          {state.report.rejected > 0 && (
            <button type="button" onClick={() => save(rejectsOf(state.report), "rejects.csv")}>
              Download rejected rows
            </button>
          )}
        </>
      )}
    </section>
  );
}

function Summary({ report, isDone = false }: { report: Report; isDone?: boolean }) {
  const { created, updated, unchanged, rejected, ignoredColumns, rejects } = report;
  return (
    <>
      <p role="status">
        {isDone ? "Done: " : "The import would be: "}
        {created} created, {updated} updated, {unchanged} unchanged, {rejected} rejected.
      </p>
      {ignoredColumns.length > 0 && <p>Ignored columns: {ignoredColumns.join(", ")}</p>}
      {rejects.length > 0 && (
        <table>
          <caption>The first rejected rows</caption>
          <thead>
            <tr>
              <th scope="col">Line</th>
              <th scope="col">Column</th>
              <th scope="col">Reason</th>
            </tr>
          </thead>
          <tbody>
            {rejects.slice(0, LISTED).map(({ line, column, reason }) => (
              <tr key={line}>
                <td>{line}</td>
                <td>{column}</td>
                <td>{reason}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}
