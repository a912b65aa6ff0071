import { keepPreviousData, queryOptions, useQuery } from '@tanstack/react-query';
import { engine } from './engine.js';
import type { EngineInput, EngineTask } from './protocol.js';

/**
 * A task of the engine as a query: what is no longer asked for is given up. `name` says what the input is, cheaply (a
 * digest, a revision): inputs of one name are the same. The answer before stays until the next is there. Null: the
 * input is not known yet.
 *
 * ```ts
 * const { data } = useEngine('write', { rules, format: 'yaml' }, [bundle.digest, 'yaml']);
 * ```
 */
export function useEngine<T extends EngineTask>(task: T, input: EngineInput<T> | null, name: readonly unknown[]) {
  return useQuery(
    queryOptions({
      queryKey: ['engine', task, ...name],
      queryFn: ({ signal }) => engine.run(task, input as EngineInput<T>, { signal }),
      enabled: input !== null,
      placeholderData: keepPreviousData,
      staleTime: Number.POSITIVE_INFINITY,
      gcTime: 60_000,
    }),
  );
}
