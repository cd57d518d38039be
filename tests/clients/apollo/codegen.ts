// GraphQL Code Generator's client preset for Apollo Client: typed document nodes, and which types an interface has.

import type { CodegenConfig } from "@graphql-codegen/cli";

const config: CodegenConfig = {
  schema: "../../schema.graphql",
  documents: "apollo/src/*.ts",
  generates: {
    "apollo/generated/": {
      preset: "client",
      presetConfig: { fragmentMasking: false },
      config: {
        useTypeImports: true,
        importExtension: ".js",
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
    "apollo/generated/possible-types.ts": { plugins: ["fragment-matcher"] },
  },
};

export default config;
