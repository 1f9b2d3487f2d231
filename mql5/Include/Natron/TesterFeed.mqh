// Signals in the strategy tester, which has no sockets: the same signed lines from a file, in server time.
#include "LineCodec.mqh"

class CTesterFeed
  {
private:
   int               m_handle;
   CLineCodec        m_codec;
   SLine             m_next;
   bool              m_has;
   int               m_junk;

   void              Read(void)
     {
      uchar raw[];
      m_has=false;
      while(!m_has && !FileIsEnding(m_handle))
        {
         string text=FileReadString(m_handle);
         int count=StringToCharArray(text,raw)-1;
         if(count==0)
            continue;
         m_has=m_codec.Decode(raw,count,false,m_next) && m_next.kind=="S1";
         if(!m_has)
            m_junk++;
        }
     }

public:
                     CTesterFeed(void) { m_handle=INVALID_HANDLE; m_has=false; m_junk=0; }
                    ~CTesterFeed(void) { Close(); }
   void              Close(void)
     {
      if(m_handle!=INVALID_HANDLE)
         FileClose(m_handle);
      m_handle=INVALID_HANDLE;
     }
   int               JunkLines(void) const { return(m_junk); }
   bool              Open(const string name,const string bridge_key,const string client_key)
     {
      m_handle=FileOpen(name,FILE_READ|FILE_TXT|FILE_ANSI|FILE_COMMON);
      if(m_handle==INVALID_HANDLE || !m_codec.SetKeys(bridge_key,client_key))
         return(false);
      Read();
      return(true);
     }
   //--- the next signal whose candle has closed by now
   bool              Next(const datetime server,SLine &line)
     {
      if(!m_has || m_next.candle_ms/1000+m_next.tf_s>(long)server)
         return(false);
      line=m_next;
      Read();
      return(true);
     }
  };
