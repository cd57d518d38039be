// Makes src/generated/ from the gateway's schema: the types of every operation in src/, and persisted-documents.json,
// the manifest by which the gateway can be told to answer these operations and no others.

import { addTypenameSelectionDocumentTransform } from "@graphql-codegen/client-preset";
import { existsSync } from "node:fs";
import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  // A copy of this folder has the schema beside it.
  schema: existsSync("schema.graphql") ? "schema.graphql" : "../../schema.graphql",
  documents: "src/**/*.{ts,tsx}",
  generates: {
    "src/generated/": {
      preset: "client",
      presetConfig: { fragmentMasking: false, persistedDocuments: { hashAlgorithm: "sha256" } },
      // Apollo Client adds __typename to what it sends; the manifest has to have it too.
      documentTransforms: [addTypenameSelectionDocumentTransform],
      config: {
        useTypeImports: true,
        strictScalars: true,
        scalars: { BigInt: "string", DateTime: "string", EmailAddress: "string", JSON: "unknown", PhoneNumber: "string", URL: "string" },
      },
    },
    "src/generated/possible-types.ts": { plugins: ["fragment-matcher"] },
  },
};

export default config;
