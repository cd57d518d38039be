// GraphQL Code Generator's client preset, for a client that is nothing but `fetch`: documents are typed strings, and
// persisted-documents.json is the manifest of all that this client may ask.

import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "../../schema.graphql",
  documents: "typescript/src/*.ts",
  generates: {
    "typescript/generated/": {
      preset: "client",
      presetConfig: { persistedDocuments: { hashAlgorithm: "sha256" }, fragmentMasking: false },
      config: {
        documentMode: "string",
        useTypeImports: true,
        importExtension: ".js",
        // A scalar without a line here is an error, so that a new one is noticed.
        strictScalars: true,
        scalars: {
          BigInt: "string",
          DateTime: "string",
          EmailAddress: "string",
          JSON: "unknown",
          PhoneNumber: "string",
          URL: "string",
        },
      },
    },
  },
};

export default config;
