// GraphQL for highlight.js, whose copy in mdBook lacks it.
hljs.registerLanguage("graphql", (hljs) => ({
  name: "GraphQL",
  keywords: { keyword: "query mutation subscription fragment on", literal: "true false null" },
  contains: [
    hljs.HASH_COMMENT_MODE,
    hljs.QUOTE_STRING_MODE,
    hljs.NUMBER_MODE,
    { className: "variable", begin: /\$\w+/ },
    { className: "meta", begin: /@\w+/ },
    { className: "type", begin: /\b[A-Z]\w*/ },
  ],
}));
