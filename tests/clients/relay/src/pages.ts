// What the hook usePaginationFragment does, without React: reads a fragment's connection, and loads its next page.

import {
  createOperationDescriptor,
  fetchQuery,
  getPaginationFragment,
  getPaginationMetadata,
  getPaginationVariables,
  getRequest,
  getSingularSelector,
} from "relay-runtime";
import type { Environment, GraphQLTaggedNode, Variables } from "relay-runtime";

/** A connection as it stands in the store. */
export interface Connection {
  totalCount: number;
  edges: { node: { id: string } }[];
  pageInfo: { hasNextPage: boolean; endCursor: string };
}

/** A fragment in the answer to a query, with a connection that is loaded in pages. */
export class Pages {
  private constructor(
    private readonly environment: Environment,
    private readonly fragment: GraphQLTaggedNode,
    private readonly reference: unknown,
  ) {}

  /** Sends the query; `reference` finds the place of the fragment in its answer. */
  static async open(
    environment: Environment,
    { query, fragment, variables }: { query: GraphQLTaggedNode; fragment: GraphQLTaggedNode; variables: Variables },
    reference: (data: any) => unknown,
  ): Promise<Pages> {
    const operation = createOperationDescriptor(getRequest(query), variables);
    environment.retain(operation);
    await fetchQuery(environment, query, variables).toPromise();
    return new Pages(environment, fragment, reference(environment.lookup(operation.fragment).data));
  }

  /** All that is loaded by now. */
  connection(): Connection {
    const { connectionPathInFragmentData: path } = this.metadata();
    return path.reduce((data: any, key: string | number) => data[key], this.data()) as Connection;
  }

  /** Loads so many more. */
  async loadNext(count: number): Promise<void> {
    const { paginationRequest, paginationMetadata, identifierField } = this.metadata();
    const known = { ...this.selector().owner.variables };
    if (identifierField) known["id"] = this.data()[identifierField];
    const { endCursor } = this.connection().pageInfo;
    const variables = getPaginationVariables("forward", count, endCursor, known, {}, paginationMetadata);
    await fetchQuery(this.environment, paginationRequest, variables).toPromise();
  }

  private metadata(): any {
    return getPaginationMetadata(getPaginationFragment(this.fragment)!, "Pages");
  }

  private selector(): any {
    return getSingularSelector(getPaginationFragment(this.fragment)!, this.reference);
  }

  private data(): any {
    return this.environment.lookup(this.selector()).data;
  }
}
