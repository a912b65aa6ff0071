import './theme/nonce.js';
import { QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { queryClient } from './api/query-client.js';
import { router } from './router.js';
import { ThemeProvider } from './theme/ThemeProvider.js';

const root = document.getElementById('root');
if (root === null) throw new Error('the page has no #root');

// From here on the kit says which scheme it is.
document.documentElement.style.removeProperty('color-scheme');

createRoot(root).render(
  <StrictMode>
    <ThemeProvider>
      <QueryClientProvider client={queryClient}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </ThemeProvider>
  </StrictMode>,
);
