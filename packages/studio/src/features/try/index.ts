export { TryPanel } from './TryPanel.js';
