// GraphQL ESLint's recommended rules for schemas and for Relay, on schema.graphql. What differs from them says why.

import graphql from "@graphql-eslint/eslint-plugin";

export default [
  {
    files: ["**/*.graphql"],
    languageOptions: { parser: graphql.parser },
    plugins: { "@graphql-eslint": graphql },
    rules: {
      ...graphql.configs["flat/schema-recommended"].rules,
      ...graphql.configs["flat/schema-relay"].rules,

      // More than recommended: not only types and root fields are described, but everything that a generator copies.
      "@graphql-eslint/require-description": [
        "error",
        {
          types: true,
          rootField: true,
          FieldDefinition: true,
          InputValueDefinition: true,
          EnumValueDefinition: true,
          DirectiveDefinition: true,
        },
      ],

      // Recommended is the block style alone. The file is printed by the gateway: one line where the text fits on one.
      "@graphql-eslint/description-style": "off",

      // Recommended is an id on every object. What has none is found through something that has one: the parts of
      // pages, what a mutation answers, what a subscription tells, and values that belong to one object alone.
      "@graphql-eslint/strict-id-in-types": [
        "error",
        {
          exceptions: {
            suffixes: ["Connection", "Edge", "Event", "Payload", "Result"],
            types: ["Address", "Change", "CustomFieldValue", "PageInfo", "UserError", "Viewer"],
          },
        },
      ],

      // Recommended is that lists are of edges only. Connections have `nodes` besides `edges`, and short lists that
      // come whole, such as userErrors, are no connections.
      "@graphql-eslint/relay-edge-types": [
        "error",
        { withEdgeSuffix: true, shouldImplementNode: true, listTypeCanWrapOnlyEdgeType: false },
      ],
    },
  },
];
