import { useEngine } from '../../engine/use-engine.js';
import { Code } from '../../ui/Code.js';
import { ErrorState, RowSkeletons } from '../../ui/states.js';
import classes from './BundleSource.module.css';

interface BundleSourceProps {
  readonly bundle: { readonly digest: string; readonly rules: readonly unknown[]; readonly version: string };
  readonly format: 'json' | 'yaml';
}

/** The rules of a bundle as source, in the layout that everybody writes. */
export function BundleSource({ bundle, format }: BundleSourceProps) {
  const { data, error, refetch } = useEngine('write', { rules: bundle.rules, format }, [bundle.digest, format]);
  if (error) {
    return <ErrorState title="The source could not be written" detail={error.message} onRetry={() => void refetch()} />;
  }
  if (!data) return <RowSkeletons rows={8} height={19} />;
  return (
    <div className={classes.source}>
      <Code label={`${bundle.version} as ${format.toUpperCase()}`} language={format} value={data.answer} />
    </div>
  );
}
